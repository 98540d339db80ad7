UPDATE sales.sales SET sales = coalesce(sales.sales.id, sales.sales.id) WHERE chr(0 - 66600004) > 'a' RETURNING sales
