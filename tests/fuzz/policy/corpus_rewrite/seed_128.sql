SELECT '11111111-1111-1111-1111-111111111111'::uuid, ARRAY[1, 2, 3] AS id FROM sales.customers "a b" WHERE id BETWEEN ("a b".id) AND id
