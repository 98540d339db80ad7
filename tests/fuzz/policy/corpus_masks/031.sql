SELECT score + 1 FROM shared.orders WHERE score > 0 GROUP BY score
