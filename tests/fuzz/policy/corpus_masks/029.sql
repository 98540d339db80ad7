SELECT email FROM shared.orders JOIN visits USING (tenant_id)
