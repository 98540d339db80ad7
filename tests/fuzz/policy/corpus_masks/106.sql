WITH RECURSIVE c AS (SELECT id, email FROM shared.orders UNION ALL SELECT id, email FROM c) CYCLE email SET is_cycle USING path SELECT id FROM c
