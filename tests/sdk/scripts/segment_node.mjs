// Seven events with Segment's SDK for Node: three requests of three, three and one.
import { Analytics } from '@segment/analytics-node'

const [host, writeKey] = process.argv.slice(2)
const analytics = new Analytics({ writeKey, host, flushAt: 3, flushInterval: 60_000 })
analytics.on('error', (error) => { console.error(error); process.exitCode = 1 })

const then = new Date('2017-03-01T10:00:00.123Z')
const context = { campaign: { name: 'spring', source: 'news', medium: 'email' }, page: { url: 'https://shop.example/tea' } }
analytics.identify({ userId: 'c1', anonymousId: 'a1', traits: { email: 'Ada@example.org' }, timestamp: then })
analytics.page({ userId: 'c1', name: 'Tea', context, timestamp: then })
analytics.screen({ anonymousId: 'a2', name: 'Cart' })
analytics.group({ userId: 'c1', groupId: 'g1', traits: { email: 'office@example.org' } })
analytics.alias({ userId: 'c1', previousId: 'c1' })
analytics.track({ userId: 'c1', event: 'Order Completed', properties: { order_id: '1001', revenue: 19.9, currency: 'EUR' } })
analytics.track({ userId: 'c1', event: 'Product Viewed', properties: { product_id: 'tea-1' } })
await analytics.closeAndFlush({ timeout: 20_000 })
