WITH c AS (SELECT email FROM shared.orders) SELECT 1 FROM c WHERE email > 'm'
