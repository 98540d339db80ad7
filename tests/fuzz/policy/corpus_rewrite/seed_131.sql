SELECT ALL date_trunc('day', (to_timestamp(66600005 % 1000))) FROM shared.plain LEFT JOIN shared.orders AS y ON rate = amount LEFT JOIN shared.plain AS "Mixed" ON y.id = id
