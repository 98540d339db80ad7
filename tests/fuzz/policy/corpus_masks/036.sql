COPY (SELECT email FROM shared.orders) TO STDOUT
