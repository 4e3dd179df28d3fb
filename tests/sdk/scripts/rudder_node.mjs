// Six events with RudderStack's SDK for Node, which zips JSON and calls it a form: the first goes at once, then three, then two.
import RudderAnalytics from '@rudderstack/rudder-sdk-node'

const [dataPlaneUrl, writeKey] = process.argv.slice(2)
const analytics = new RudderAnalytics(writeKey, { dataPlaneUrl, flushAt: 3, flushInterval: 60_000, gzip: true })

const sent = []
const call = (kind, message) => sent.push(new Promise((done, fail) => analytics[kind](message, (error) => (error ? fail(error) : done()))))
const then = new Date('2017-03-01T10:00:00.123Z')
call('identify', { userId: 'c1', anonymousId: 'a1', traits: { email: 'Ada@example.org' }, timestamp: then })
call('page', { userId: 'c1', name: 'Tea', properties: { url: 'https://shop.example/tea' }, timestamp: then })
call('screen', { anonymousId: 'a2', name: 'Cart' })
call('group', { userId: 'c1', groupId: 'g1' })
call('alias', { userId: 'c1', previousId: 'a1' })
call('track', { userId: 'c1', event: 'Order Completed', properties: { order_id: '1001', revenue: 19.9, currency: 'EUR' } })
await analytics.flush()
await Promise.all(sent)
