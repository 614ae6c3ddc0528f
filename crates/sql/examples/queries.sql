SELECT count(*), count(DISTINCT actor_id), count(id), min(index), max(index) FROM events
SELECT action, outcome, count(*) AS n FROM events GROUP BY action, outcome ORDER BY n DESC, action, outcome LIMIT 50
SELECT index, id, action, target_type, target_id, ip FROM events WHERE actor_id = (SELECT actor_id FROM events GROUP BY actor_id ORDER BY count(*) DESC, actor_id LIMIT 1) ORDER BY index DESC LIMIT 100
SELECT field, count(*) AS n, count(before) AS before, min(after) AS least, sum(sealed) AS sealed FROM changes GROUP BY field ORDER BY n DESC, field LIMIT 50
SELECT e.actor_type, count(*) AS n, min(e.trace_id) AS trace, count(c.field) AS fields FROM events e LEFT JOIN changes c ON c.index = e.index WHERE e.time >= TIMESTAMP '2026-11-01 12:00:00' AND e.event_time < TIMESTAMP '2026-11-20 12:00:00' GROUP BY e.actor_type ORDER BY n DESC
