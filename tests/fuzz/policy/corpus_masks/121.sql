COPY (SELECT id FROM shared.orders ORDER BY email) TO STDOUT
