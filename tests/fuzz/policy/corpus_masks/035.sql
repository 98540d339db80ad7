SELECT email FROM notes WHERE name = 'x'
