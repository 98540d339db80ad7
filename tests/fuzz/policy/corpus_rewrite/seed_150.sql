UPDATE shared.currencies SET id = amount WHERE NULL::bool IS NOT UNKNOWN RETURNING tenant_id
