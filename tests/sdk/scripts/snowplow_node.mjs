// Seven events with Snowplow's tracker for Node: by POST, or one pixel each.
import {
  buildEcommerceTransaction, buildEcommerceTransactionItem, buildPagePing, buildPageView, buildSelfDescribingEvent,
  buildStructEvent, newTracker,
} from '@snowplow/node-tracker'

const [endpoint, appId, eventMethod] = process.argv.slice(2)
let failed = 0
const tracker = newTracker(
  { namespace: 'sp', appId, encodeBase64: eventMethod === 'get' },
  { endpoint, eventMethod, bufferSize: eventMethod === 'get' ? 1 : 10, onRequestFailure: (why) => { if (!why.willRetry) { failed += 1; console.error(why) } } },
)
tracker.setUserId('c1')
tracker.setDomainUserId('d1')
tracker.setPlatform('srv')

const then = { type: 'ttm', value: Date.parse('2017-03-01T10:00:00.123Z') }
const session = [{ schema: 'iglu:org.example/plan/jsonschema/1-0-0', data: { plan: 'grün' } }]
const page = { pageUrl: 'https://shop.example/tea?utm_source=news&utm_medium=email&utm_campaign=spring', pageTitle: 'Tea' }
tracker.track(buildPageView({ ...page, referrer: 'https://search.example/' }), session, then)
tracker.track(buildPagePing({ ...page, maxYOffset: 840 }), session)
tracker.track(buildStructEvent({ category: 'newsletter', action: 'Subscribed', value: 1 }))
tracker.track(buildSelfDescribingEvent({ event: { schema: 'iglu:org.example/watched_trailer/jsonschema/1-0-0', data: { seconds: 20 } } }), session)
tracker.track(buildEcommerceTransaction({ orderId: '1001', total: 19.9, currency: 'EUR' }))
tracker.track(buildEcommerceTransactionItem({ orderId: '1001', sku: 'tea-1', price: 8.5, quantity: 2, currency: 'EUR' }))
tracker.track(buildSelfDescribingEvent({ event: { schema: 'iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2', data: { type: 'transaction' } } }), [
  { schema: 'iglu:com.snowplowanalytics.snowplow.ecommerce/transaction/jsonschema/1-0-0', data: { transaction_id: '1002', revenue: 25.5, currency: 'EUR', payment_method: 'card' } },
  { schema: 'iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0', data: { id: 'tea-1', price: 8.5, quantity: 3, currency: 'EUR' } },
])
await tracker.flush()
await tracker.flush() // what could not be sent waits for the next time
process.exitCode = failed ? 1 : 0
