SELECT rg_r.email FROM shared.orders rg_r JOIN shared.visits USING (id, x, tenant_id)
