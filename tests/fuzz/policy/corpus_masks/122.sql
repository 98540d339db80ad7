DECLARE c CURSOR FOR SELECT id FROM shared.orders WHERE email > 'm'
