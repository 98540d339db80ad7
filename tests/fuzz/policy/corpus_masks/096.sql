SELECT c.to_json FROM shared.orders c WHERE c.row_to_json IS NULL
