SELECT (v.x), (v).x FROM shared.visits v WHERE v.region = 'emea' AND v.id < 7
