SELECT e.id AS id, extract(epoch from (to_timestamp(bit_length(e.code) % 1000))) FROM shared.visits AS e NATURAL JOIN shared.orders AS y WHERE -3.75::int2 > 3
