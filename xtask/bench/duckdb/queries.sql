SELECT action, count(*) AS n FROM events GROUP BY action ORDER BY n DESC, action LIMIT 50
SELECT action, count(*) AS n FROM events WHERE event_time >= TIMESTAMP '2026-11-10 00:00:00' AND event_time < TIMESTAMP '2026-11-13 00:00:00' GROUP BY action ORDER BY n DESC, action LIMIT 50
SELECT actor_id, count(*) AS n FROM events WHERE event_time >= TIMESTAMP '2026-11-10 00:00:00' AND event_time < TIMESTAMP '2026-11-13 00:00:00' GROUP BY actor_id ORDER BY n DESC, actor_id LIMIT 20
SELECT outcome, count(*) AS n FROM events WHERE event_time >= TIMESTAMP '2026-11-10 00:00:00' AND event_time < TIMESTAMP '2026-11-13 00:00:00' GROUP BY outcome ORDER BY n DESC, outcome LIMIT 20
SELECT target_type, count(*) AS n FROM events WHERE event_time >= TIMESTAMP '2026-11-10 00:00:00' AND event_time < TIMESTAMP '2026-11-13 00:00:00' GROUP BY target_type ORDER BY n DESC, target_type LIMIT 20
SELECT extract(day FROM event_time) AS day, extract(hour FROM event_time) AS hour, count(*) AS n FROM events WHERE event_time >= TIMESTAMP '2026-11-10 00:00:00' AND event_time < TIMESTAMP '2026-11-13 00:00:00' GROUP BY day, hour ORDER BY day, hour LIMIT 100
