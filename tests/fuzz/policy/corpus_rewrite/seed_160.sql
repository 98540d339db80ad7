SELECT (jsonb_build_object('n', 4, 'b', null)) #> '{deep,0}' #> '{deep,0}' AS id, region FROM shared.plain AS e CROSS JOIN shared.currencies AS x FULL JOIN shared.plain t1 ON e.code = code
