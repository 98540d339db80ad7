SELECT to_jsonb(max(e.code)), array_agg(DISTINCT 'a'), to_jsonb(max(note)) FROM shared.orders AS e
