WITH c AS (SELECT * FROM shared.orders) SELECT email FROM c WHERE id = 5
