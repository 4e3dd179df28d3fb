-- Which of these events were accepted before.
SELECT DISTINCT event_id FROM $database.collected_log WHERE event_id IN {ids:Array(UUID)}
