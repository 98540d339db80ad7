SELECT ALL coalesce(events.note, 'none') AS "C 4", coalesce(sqrt(abs(t1.id)), 0) shared.plain AS t1 JOIN shared.visits * ON events.doc LIKE ANY (ARRAY['ZEBRA\'])
