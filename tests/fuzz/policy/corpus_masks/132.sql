SELECT (string_to_array(email, '@'))[1] FROM shared.orders
