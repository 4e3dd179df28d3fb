-- What the tables, and the views from before there were comments, say of themselves. A view that is made anew loses its comments:
-- whoever does it says them again beside the new definition. Times are UTC everywhere, and NULL is said where there is one.

-- ---- Tables: views read them over FINAL, people read the views

ALTER TABLE $database.migrations_log $on_cluster MODIFY COMMENT 'Which steps of sinks/migrations the database has';
ALTER TABLE $database.touchpoints_log $on_cluster MODIFY COMMENT 'Behind touchpoints; may hold a row twice: read the view';
ALTER TABLE $database.journeys_log $on_cluster MODIFY COMMENT 'Behind journeys; also holds withdrawn ones: read the view';
ALTER TABLE $database.conversions_log $on_cluster MODIFY COMMENT 'Behind conversions; also holds withdrawn ones: read the view';
ALTER TABLE $database.credits_log $on_cluster MODIFY COMMENT 'Behind credits; may hold a row twice: read the view';
ALTER TABLE $database.marks_log $on_cluster MODIFY COMMENT 'Events that change no journey: touchpoints shows them as beyond_horizon';
ALTER TABLE $database.quarantine_log $on_cluster MODIFY COMMENT 'Behind quarantine; may hold a row twice: read the view';
ALTER TABLE $database.quarantine_replays_log $on_cluster MODIFY COMMENT 'Behind quarantine_replays: read the view';
ALTER TABLE $database.catalogue_log $on_cluster MODIFY COMMENT 'Behind catalogue_touchpoints: read the view';
ALTER TABLE $database.costs_log $on_cluster MODIFY COMMENT 'Behind costs; also holds lines that a later import has replaced: read the view';
ALTER TABLE $database.cost_days_log $on_cluster MODIFY COMMENT 'Which lines of costs_log are those of a day now';
ALTER TABLE $database.profiles_log $on_cluster MODIFY COMMENT 'Behind profile_changes and identifiers: read the views';
ALTER TABLE $database.model_fits_log $on_cluster MODIFY COMMENT 'Behind model_fits and model_weights: read the views';
ALTER TABLE $database.model_publications_log $on_cluster MODIFY COMMENT 'Behind models_published: read the view';
ALTER TABLE $database.positions_log $on_cluster MODIFY COMMENT 'How far each partition of Kafka is landed';
ALTER TABLE $database.clusters_log $on_cluster MODIFY COMMENT 'Broker clusters that were read, in the order in which they were met';

-- ---- Touchpoints and journeys

ALTER TABLE $database.touchpoints $on_cluster
    MODIFY COMMENT 'Accepted events, each once, at the profile where it is now';
ALTER TABLE $database.touchpoints $on_cluster
    COMMENT COLUMN event_id 'id of the event; of one that converts the conversion_id; touchpoint_id in credits',
    COMMENT COLUMN profile_id 'whose it is now: joins profiles; NULL: it names nobody',
    COMMENT COLUMN source 'who sent it',
    COMMENT COLUMN touchpoint 'name in catalogue_touchpoints; what follows a dot is a part of it',
    COMMENT COLUMN channel 'channel',
    COMMENT COLUMN occurred_at 'when it happened, by the clock of the sender',
    COMMENT COLUMN received_at 'when it was taken in',
    COMMENT COLUMN campaign 'name of the campaign (utm_campaign); NULL: none',
    COMMENT COLUMN campaign_source 'utm_source; NULL: not said',
    COMMENT COLUMN campaign_medium 'utm_medium; NULL: not said',
    COMMENT COLUMN campaign_term 'utm_term; NULL: not said',
    COMMENT COLUMN campaign_content 'utm_content; NULL: not said',
    COMMENT COLUMN order_id 'order that it is about: joins conversions; NULL: none',
    COMMENT COLUMN amount 'money in it, as sent, in units of currency; NULL: none',
    COMMENT COLUMN currency 'of amount and items.value, ISO 4217; NULL: there is no amount',
    COMMENT COLUMN name 'the sender''s own word for the event; NULL: none',
    COMMENT COLUMN identifiers.kind 'whom it names: customer, email, device and others',
    COMMENT COLUMN identifiers.value 'the value of each identifier, hashed where a door is told to',
    COMMENT COLUMN body_kind 'what is in body: web, email, hotline, store, survey or other',
    COMMENT COLUMN body 'what is known of such a contact, as JSON',
    COMMENT COLUMN items.product 'lines of the order or receipt: product',
    COMMENT COLUMN items.category 'category of each; NULL: not said',
    COMMENT COLUMN items.quantity 'pieces of each',
    COMMENT COLUMN items.value 'what each brought, in units of currency; NULL: not said',
    COMMENT COLUMN properties 'what else the sender said, as JSON',
    COMMENT COLUMN verified 'false: only a public key has said it',
    COMMENT COLUMN beyond_horizon '1: older than all that is kept of its profile; it changes no journey',
    COMMENT COLUMN epoch 'number of the broker cluster that it came through',
    COMMENT COLUMN kafka_partition 'partition of its record',
    COMMENT COLUMN kafka_offset 'offset of its record',
    COMMENT COLUMN owner 'its strongest identifier, kind:value: joins identifiers; NULL: it names nobody',
    COMMENT COLUMN policy 'of its source: what becomes of events where several customers share an identifier',
    COMMENT COLUMN traits 'attributes of the person that it tells, name to JSON: see profile_attributes',
    COMMENT COLUMN consent 'purposes that the person allows or forbids in it: see profile_consent';

ALTER TABLE $database.journeys $on_cluster
    COMMENT COLUMN journey_id 'id of the journey: joins conversions',
    COMMENT COLUMN profile_id 'whose it is: joins profiles; all zeros: of erased customers',
    COMMENT COLUMN revision 'number of its newest record, which is this one',
    COMMENT COLUMN status 'open, converted or idle, by its own events',
    COMMENT COLUMN status_now 'the same by the clock: an open one without an event for the catalogue''s inactivity_days is idle',
    COMMENT COLUMN opening_event 'event that opened it: event_id of touchpoints',
    COMMENT COLUMN opened_at 'time of the first contact',
    COMMENT COLUMN last_at 'time of the last event',
    COMMENT COLUMN converted_at 'time of the conversion that closed it; NULL: none did',
    COMMENT COLUMN closing_conversion 'conversion_id of that conversion; NULL: there is none',
    COMMENT COLUMN touchpoints 'events in it, after the conversion too',
    COMMENT COLUMN touches 'visits, calls and clicks that may earn credit',
    COMMENT COLUMN visits 'visits to the web and app',
    COMMENT COLUMN conversions 'conversions in it, those that close no journey too',
    COMMENT COLUMN channels 'each channel once, in order of first use',
    COMMENT COLUMN first_touchpoint 'touchpoint of the first event',
    COMMENT COLUMN last_touchpoint 'touchpoint of the last event',
    COMMENT COLUMN recorded_at 'arrival of what changed it last';

ALTER TABLE $database.journeys_by_length $on_cluster MODIFY COMMENT 'How many journeys had so many events, and how many converted';
ALTER TABLE $database.journeys_by_length $on_cluster
    COMMENT COLUMN length 'events in the journey, after the conversion too',
    COMMENT COLUMN journeys 'how many',
    COMMENT COLUMN converted 'of them with a conversion that closed it',
    COMMENT COLUMN conversion_rate 'converted by journeys, 0 to 1';

ALTER TABLE $database.journeys_by_days_to_conversion $on_cluster
    COMMENT COLUMN days 'whole days of 24 hours from the first contact to the conversion that closed it',
    COMMENT COLUMN journeys 'how many; those without such a conversion are left out';

-- ---- The ledger of a day; a view with a parameter shows its columns to nobody, so that they cannot have comments

ALTER TABLE $database.revenue_as_of $on_cluster
    MODIFY COMMENT 'Net revenue and conversions by model, channel and campaign as they were reported at as_of. Write as_of as ''2026-03-01 08:00:00'', UTC, without a zone; a bare date is when that day began';

-- ---- Paths: what NULL is, and of what a share is

ALTER TABLE $database.assisted_conversions $on_cluster
    COMMENT COLUMN assists_per_last_touch 'assisted by last_touch; above 1 it rather helps than closes; NULL: it closes none';

ALTER TABLE $database.time_to_conversion $on_cluster
    COMMENT COLUMN median_days 'days from the first touch; half took no longer; NULL: none had a touch',
    COMMENT COLUMN p90_days 'nine of ten took no longer; NULL: none had a touch';

ALTER TABLE $database.conversions_by_touches $on_cluster
    COMMENT COLUMN touches 'touches on the path; 0: no touch in the look-back window',
    COMMENT COLUMN share 'of all conversions of that name, 0 to 1';

ALTER TABLE $database.items_bought $on_cluster
    COMMENT COLUMN currency 'of value, as sold; NULL: not said';

ALTER TABLE $database.products_by_path $on_cluster
    COMMENT COLUMN value 'as sold, returns included, in units of currency; NULL: not said';
ALTER TABLE $database.categories_by_path $on_cluster
    COMMENT COLUMN value 'as sold, returns included, in units of currency; NULL: not said';
ALTER TABLE $database.products_by_channel $on_cluster
    COMMENT COLUMN value 'as sold, returns included, in units of currency; NULL: not said';
ALTER TABLE $database.categories_by_channel $on_cluster
    COMMENT COLUMN value 'as sold, returns included, in units of currency; NULL: not said';

-- ---- Fits

ALTER TABLE $database.model_weights $on_cluster
    MODIFY COMMENT 'What each fit of a data-driven model found of each name; joins model_fits by fit_id';
ALTER TABLE $database.model_weights $on_cluster
    COMMENT COLUMN model 'attribution model',
    COMMENT COLUMN fitted_at 'when it was learned',
    COMMENT COLUMN fit_id 'the fit: joins model_fits, and credits',
    COMMENT COLUMN name 'channel, channel/campaign or touchpoint: see level of model_fits',
    COMMENT COLUMN weight 'part of 1; those of a fit sum to 1',
    COMMENT COLUMN effect 'removal effect, 0 to 1, or Shapley value, which may be negative',
    COMMENT COLUMN standard_error 'of effect; NULL: it is no estimate',
    COMMENT COLUMN low 'lower end of the weight''s 95 % interval; NULL: no bootstrap',
    COMMENT COLUMN high 'upper end of it; NULL: no bootstrap',
    COMMENT COLUMN own_total 'weight times all conversions of the fit',
    COMMENT COLUMN conversions 'sum of its shares, each conversion being split on its own path',
    COMMENT COLUMN value 'the same of net revenue, in units of currency',
    COMMENT COLUMN currency 'of value; NULL: the conversions have no value',
    COMMENT COLUMN touched_conversions 'conversions with the name on their path',
    COMMENT COLUMN touched_journeys 'journeys with the name on their path';

-- ---- Who it was

ALTER TABLE $database.identifiers $on_cluster
    MODIFY COMMENT 'Which profile each identifier is in now; one that several customers share has a row for each stretch of time';
ALTER TABLE $database.identifiers $on_cluster
    COMMENT COLUMN identifier 'kind:value; joins owner of touchpoints',
    COMMENT COLUMN kind 'customer, loyalty, email, phone, order, device, anonymous or another',
    COMMENT COLUMN value 'what follows the kind',
    COMMENT COLUMN policy 'of the sources that the row is for: last_known, split_at_login or device_only',
    COMMENT COLUMN profile_id 'the profile: joins profiles',
    COMMENT COLUMN named_by 'identifier that names the profile',
    COMMENT COLUMN valid_from 'for events from then on; NULL: from ever',
    COMMENT COLUMN valid_until 'for events before then; NULL: for ever',
    COMMENT COLUMN shared '1: several customers share it',
    COMMENT COLUMN change 'what happened last: created, merged or unmerged',
    COMMENT COLUMN cause 'what did it: event, merge, unmerge, block, unblock or guard',
    COMMENT COLUMN evidence 'event_id of touchpoints or command_id of identity_commands',
    COMMENT COLUMN since 'arrival of what did it',
    COMMENT COLUMN plan 'counts the changes of the identifier';

ALTER TABLE $database.identity_commands $on_cluster MODIFY COMMENT 'What people have decided about identifiers';
ALTER TABLE $database.identity_commands $on_cluster
    COMMENT COLUMN command_id 'id of the decision; evidence in other views',
    COMMENT COLUMN identifier 'what it is about, kind:value',
    COMMENT COLUMN action 'merge, unmerge, block or unblock',
    COMMENT COLUMN other 'identifier to merge with; NULL: it is no merge',
    COMMENT COLUMN requested_at 'when it was decided',
    COMMENT COLUMN requested_by 'who decided',
    COMMENT COLUMN reason 'why; NULL: not said',
    COMMENT COLUMN recorded_at 'when it was taken in';

ALTER TABLE $database.profile_changes $on_cluster
    MODIFY COMMENT 'What became of each identifier and why, in order, with words';
ALTER TABLE $database.profile_changes $on_cluster
    COMMENT COLUMN recorded_at 'arrival of what did it',
    COMMENT COLUMN identifier 'kind:value',
    COMMENT COLUMN change 'created, merged, unmerged; stopped: a guard has kept it from joining other',
    COMMENT COLUMN words 'the row in words',
    COMMENT COLUMN from_profile_id 'profile before; NULL: there was none',
    COMMENT COLUMN to_profile_id 'profile from then on; NULL: it was stopped',
    COMMENT COLUMN profile_id 'its profile after that, moved or not',
    COMMENT COLUMN named_by 'identifier that names the profile',
    COMMENT COLUMN policy 'of the sources that the row is for: last_known, split_at_login or device_only',
    COMMENT COLUMN plan 'counts the changes of the identifier',
    COMMENT COLUMN since 'of events from then on; NULL: from ever',
    COMMENT COLUMN until 'of events before then; NULL: for ever',
    COMMENT COLUMN cause 'event, merge, unmerge, block, unblock or guard',
    COMMENT COLUMN evidence 'event_id of touchpoints or command_id of identity_commands',
    COMMENT COLUMN guard 'what stopped it; NULL: nothing did',
    COMMENT COLUMN other 'identifier that it was not joined with; NULL: none';

ALTER TABLE $database.identity_stops $on_cluster MODIFY COMMENT 'Identifiers that a guard has kept apart, each pair once';
ALTER TABLE $database.identity_stops $on_cluster
    COMMENT COLUMN identifier 'kind:value',
    COMMENT COLUMN other 'identifier that it was not joined with; NULL: not one alone',
    COMMENT COLUMN guard 'block_list, blocked, cap, unverified_cap, unique or decided; NULL: not said',
    COMMENT COLUMN words 'the newest stop in words',
    COMMENT COLUMN first_stopped_at 'when it was stopped first',
    COMMENT COLUMN last_stopped_at 'when it was stopped last',
    COMMENT COLUMN profile_id 'profile of identifier after that: joins profiles',
    COMMENT COLUMN cause 'of the newest stop: event, merge, unmerge, block, unblock or guard',
    COMMENT COLUMN evidence 'event_id of touchpoints or command_id of identity_commands';

-- ---- The Customer 360

ALTER TABLE $database.touchpoint_attributes $on_cluster
    MODIFY COMMENT 'What events tell of the person, a row for each attribute of each event';
ALTER TABLE $database.touchpoint_attributes $on_cluster
    COMMENT COLUMN event_id 'event that tells it: joins touchpoints',
    COMMENT COLUMN profile_id 'of whom: joins profiles',
    COMMENT COLUMN name 'attribute',
    COMMENT COLUMN json 'its value as it was sent, JSON',
    COMMENT COLUMN occurred_at 'time of the event',
    COMMENT COLUMN source 'who sent it',
    COMMENT COLUMN verified 'false: only a public key has said it';

ALTER TABLE $database.profile_attributes $on_cluster
    MODIFY COMMENT 'What is known of each customer: of each attribute the last word by time of the event';
ALTER TABLE $database.profile_attributes $on_cluster
    COMMENT COLUMN profile_id 'of whom: joins profiles',
    COMMENT COLUMN name 'attribute',
    COMMENT COLUMN json 'its value as it was sent, JSON; one that was set to null is left out',
    COMMENT COLUMN value 'the same without the quotes of a text',
    COMMENT COLUMN written_at 'time of the event that says it',
    COMMENT COLUMN source 'who sent that',
    COMMENT COLUMN verified 'false: only a public key has said it',
    COMMENT COLUMN event_id 'that event: joins touchpoints';

ALTER TABLE $database.touchpoint_consent $on_cluster
    MODIFY COMMENT 'What people allow or forbid in events, a row for each purpose of each event';
ALTER TABLE $database.touchpoint_consent $on_cluster
    COMMENT COLUMN event_id 'event that says it: joins touchpoints',
    COMMENT COLUMN profile_id 'whose word it is: joins profiles',
    COMMENT COLUMN purpose 'as the banner calls it; email, messages and surveys by subscriptions and their end',
    COMMENT COLUMN allowed 'false: forbidden',
    COMMENT COLUMN occurred_at 'time of the event',
    COMMENT COLUMN source 'who sent it',
    COMMENT COLUMN touchpoint 'touchpoint of the event';

ALTER TABLE $database.profile_consent $on_cluster
    MODIFY COMMENT 'What each customer allows: of each purpose the last word by time of the event';
ALTER TABLE $database.profile_consent $on_cluster
    COMMENT COLUMN profile_id 'whose word it is: joins profiles',
    COMMENT COLUMN purpose 'as the banner calls it; email, messages and surveys by subscriptions and their end',
    COMMENT COLUMN allowed 'false: forbidden',
    COMMENT COLUMN said_at 'time of the event that says it',
    COMMENT COLUMN source 'who sent that',
    COMMENT COLUMN touchpoint 'touchpoint of that event',
    COMMENT COLUMN event_id 'that event: joins touchpoints';

ALTER TABLE $database.customer_360 $on_cluster
    MODIFY COMMENT 'All that is known of each customer, a row each, over all channels';
ALTER TABLE $database.customer_360 $on_cluster
    COMMENT COLUMN profile_id 'the customer; joins touchpoints, journeys, conversions and credits',
    COMMENT COLUMN identifiers 'what the customer is known by, kind:value',
    COMMENT COLUMN attributes 'name to value: see profile_attributes',
    COMMENT COLUMN attributes_written_at 'when each was said',
    COMMENT COLUMN segments 'of the attribute segments: a list, or names between commas',
    COMMENT COLUMN consent 'purpose to yes or no: see profile_consent',
    COMMENT COLUMN consent_said_at 'when each was said',
    COMMENT COLUMN first_contact 'time of the first event; NULL: there is none',
    COMMENT COLUMN last_contact 'time of the last event; NULL: there is none',
    COMMENT COLUMN first_channel 'channel of the first event; empty: there is none',
    COMMENT COLUMN touchpoints 'events',
    COMMENT COLUMN journeys 'journeys',
    COMMENT COLUMN conversions 'conversions',
    COMMENT COLUMN value 'net revenue by currency, in units of it',
    COMMENT COLUMN complaints 'events that are complaints';

-- ---- The quarantine

ALTER TABLE $database.quarantine $on_cluster MODIFY COMMENT 'What was not taken and why, as it came; also what went in later';
ALTER TABLE $database.quarantine $on_cluster
    COMMENT COLUMN quarantine_id 'id of the record: joins quarantine_replays',
    COMMENT COLUMN source 'who sent it',
    COMMENT COLUMN door 'where it came in: http:path, file:name or topic:name/partition@offset',
    COMMENT COLUMN reason 'what is wrong, after the path to it: $$.amount.currency',
    COMMENT COLUMN raw 'what was sent',
    COMMENT COLUMN encoding 'of raw: utf-8, or base64 where it is no text',
    COMMENT COLUMN received_at 'when it came',
    COMMENT COLUMN epoch 'number of the broker cluster that it came through',
    COMMENT COLUMN kafka_partition 'partition of its record',
    COMMENT COLUMN kafka_offset 'offset of its record';

ALTER TABLE $database.quarantine_open $on_cluster MODIFY COMMENT 'What was not taken, and is still to be mended or replayed';
ALTER TABLE $database.quarantine_open $on_cluster
    COMMENT COLUMN quarantine_id 'id of the record: joins quarantine_replays',
    COMMENT COLUMN source 'who sent it',
    COMMENT COLUMN door 'where it came in: http:path, file:name or topic:name/partition@offset',
    COMMENT COLUMN reason 'what is wrong, after the path to it: $$.amount.currency',
    COMMENT COLUMN raw 'what was sent',
    COMMENT COLUMN encoding 'of raw: utf-8, or base64 where it is no text',
    COMMENT COLUMN received_at 'when it came',
    COMMENT COLUMN epoch 'number of the broker cluster that it came through',
    COMMENT COLUMN kafka_partition 'partition of its record',
    COMMENT COLUMN kafka_offset 'offset of its record';

ALTER TABLE $database.quarantine_by_reason $on_cluster MODIFY COMMENT 'What was not taken, by source and reason';
ALTER TABLE $database.quarantine_by_reason $on_cluster
    COMMENT COLUMN source 'who sent it',
    COMMENT COLUMN reason 'what is wrong, without the place in a batch or file',
    COMMENT COLUMN records 'how many',
    COMMENT COLUMN still_open 'of them not settled by a replay',
    COMMENT COLUMN first_received_at 'when the first came',
    COMMENT COLUMN last_received_at 'when the last came',
    COMMENT COLUMN example_door 'where one of them came in';

ALTER TABLE $database.quarantine_replays $on_cluster MODIFY COMMENT 'What became of quarantined records when they were replayed last';
ALTER TABLE $database.quarantine_replays $on_cluster
    COMMENT COLUMN quarantine_id 'the record: joins quarantine',
    COMMENT COLUMN outcome 'accepted or duplicate: it is in; taken apart: it went on in pieces; quarantined: still bad',
    COMMENT COLUMN resolved 'nothing is left to do for it',
    COMMENT COLUMN accepted 'events of it that went in then',
    COMMENT COLUMN duplicate 'events of it that were in already',
    COMMENT COLUMN quarantined 'events of it that are still bad',
    COMMENT COLUMN reason 'why it is still bad; empty: it is not',
    COMMENT COLUMN replayed_at 'when that was';
