SELECT c FROM shared.orders c
