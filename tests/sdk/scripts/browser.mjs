// One headless Chromium. For each line of the input, a page and where to go from there, it opens the page as a new
// visitor, waits until the page says that it is done, leaves it, and writes a line of what was seen.
import { createInterface } from 'node:readline'
import { chromium } from 'playwright-core'

const browser = await chromium.launch({
  executablePath: process.argv[2],
  args: ['--headless', '--no-sandbox', '--disable-gpu'],
})

async function visit({ page, leaveTo }) {
  const visitor = await browser.newContext({ locale: 'en-GB' })
  const seen = { requests: [], problems: [], told: null }
  try {
    const tab = await visitor.newPage()
    tab.on('console', (message) => { if (message.type() === 'error') seen.problems.push(message.text()) })
    tab.on('pageerror', (error) => seen.problems.push(String(error)))
    tab.on('request', (request) => {
      if (new URL(request.url()).origin !== new URL(page).origin) seen.requests.push(`${request.method()} ${new URL(request.url()).pathname}`)
    })
    await tab.goto(page)
    await tab.waitForFunction('window.done === true', null, { timeout: 20_000, polling: 50 })
    seen.told = await tab.evaluate('window.told')
    await tab.waitForLoadState('networkidle')
    await tab.goto(leaveTo)
    await tab.waitForLoadState('networkidle')
  } catch (error) {
    seen.problems.push(String(error))
  } finally {
    await visitor.close()
  }
  return seen
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await visit(JSON.parse(line))))
}
await browser.close()
