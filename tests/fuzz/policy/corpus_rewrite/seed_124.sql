SELECT y.flag, string_agg(DISTINCT kind, ',') FROM ONLY shared.orders t2 CROSS JOIN shared.visits y WHERE t2.code ^@ 'own' GROUP BY y.flag
