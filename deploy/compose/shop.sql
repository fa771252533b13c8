-- A shop to play with: users, and the lines of their orders.
CREATE TABLE users (
    id         bigint PRIMARY KEY,
    name       text NOT NULL,
    email      text,
    balance    numeric(12, 2) NOT NULL DEFAULT 0,
    active     boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE order_lines (
    order_id bigint,
    line     int,
    item     text NOT NULL,
    quantity int NOT NULL,
    price    numeric(10, 2) NOT NULL,
    PRIMARY KEY (order_id, line)
);

INSERT INTO users (id, name, email, balance)
SELECT n, 'User ' || n, 'user' || n || '@example.com', n * 1.25 FROM generate_series(1, 1000) n;

INSERT INTO order_lines
SELECT n, line, 'item ' || (n + line) % 50, 1 + n % 9, 1 + (n % 100) * 0.25
FROM generate_series(1, 500) n, generate_series(1, 4) line;
