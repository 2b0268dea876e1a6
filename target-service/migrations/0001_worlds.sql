-- Every row belongs to a world. A reset makes a new world beside the old one and then makes it current, so
-- requests that began before it end in the world they began in. Times are milliseconds since 1970 by the
-- service's clock.

-- What this database is called in the cache.
CREATE TABLE IF NOT EXISTS identity (
    one TINYINT NOT NULL PRIMARY KEY,
    number BIGINT UNSIGNED NOT NULL
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS worlds (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    ready BOOLEAN NOT NULL DEFAULT FALSE,
    size TEXT NOT NULL,
    secret BIGINT UNSIGNED NOT NULL,
    -- Blocks of token numbers that were given out.
    token_blocks BIGINT UNSIGNED NOT NULL DEFAULT 0,
    -- Numbers that were used up before this world, which counts its own from 1.
    reservations_before BIGINT UNSIGNED NOT NULL DEFAULT 0,
    payments_before BIGINT UNSIGNED NOT NULL DEFAULT 0,
    orders_before BIGINT UNSIGNED NOT NULL DEFAULT 0
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS concerts (
    world BIGINT UNSIGNED NOT NULL,
    concert BIGINT UNSIGNED NOT NULL,
    title VARCHAR(100) NOT NULL,
    PRIMARY KEY (world, concert)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS nights (
    world BIGINT UNSIGNED NOT NULL,
    concert BIGINT UNSIGNED NOT NULL,
    schedule BIGINT UNSIGNED NOT NULL,
    date VARCHAR(20) NOT NULL,
    PRIMARY KEY (world, concert, schedule)
) ENGINE = InnoDB;

-- state: 0 free, 1 held until `until` and free from then on, 2 sold.
CREATE TABLE IF NOT EXISTS seats (
    world BIGINT UNSIGNED NOT NULL,
    schedule BIGINT UNSIGNED NOT NULL,
    seat BIGINT UNSIGNED NOT NULL,
    state TINYINT UNSIGNED NOT NULL DEFAULT 0,
    until BIGINT UNSIGNED NOT NULL DEFAULT 0,
    reservation BIGINT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (world, schedule, seat)
) ENGINE = InnoDB;

-- state: 0 held until `until` and expired from then on, 1 confirmed, 2 cancelled.
CREATE TABLE IF NOT EXISTS reservations (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    world BIGINT UNSIGNED NOT NULL,
    schedule BIGINT UNSIGNED NOT NULL,
    seat BIGINT UNSIGNED NOT NULL,
    user VARBINARY(256) NOT NULL,
    token BIGINT UNSIGNED NOT NULL,
    state TINYINT UNSIGNED NOT NULL DEFAULT 0,
    until BIGINT UNSIGNED NOT NULL,
    KEY (world, schedule, seat)
) ENGINE = InnoDB;

-- A reservation is paid at most once: it is cancelled for good together with its payment.
CREATE TABLE IF NOT EXISTS payments (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    world BIGINT UNSIGNED NOT NULL,
    reservation BIGINT UNSIGNED NOT NULL,
    user VARBINARY(256) NOT NULL,
    amount BIGINT UNSIGNED NOT NULL,
    cancelled BOOLEAN NOT NULL DEFAULT FALSE,
    UNIQUE KEY (reservation),
    KEY (world)
) ENGINE = InnoDB;

-- The first answer under each Idempotency-Key.
CREATE TABLE IF NOT EXISTS answers (
    world BIGINT UNSIGNED NOT NULL,
    asked_with VARBINARY(255) NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (world, asked_with)
) ENGINE = InnoDB;

-- A user without a row has what the world gives at first.
CREATE TABLE IF NOT EXISTS accounts (
    world BIGINT UNSIGNED NOT NULL,
    user VARBINARY(256) NOT NULL,
    balance BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (world, user)
) ENGINE = InnoDB;

-- movement: 0 charge, 1 payment, 2 refund.
CREATE TABLE IF NOT EXISTS ledger (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    world BIGINT UNSIGNED NOT NULL,
    user VARBINARY(256) NOT NULL,
    movement TINYINT UNSIGNED NOT NULL,
    amount BIGINT UNSIGNED NOT NULL,
    balance BIGINT UNSIGNED NOT NULL,
    made_at BIGINT UNSIGNED NOT NULL,
    KEY (world, user, id)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS coupons (
    world BIGINT UNSIGNED NOT NULL,
    coupon BIGINT UNSIGNED NOT NULL,
    issued BIGINT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (world, coupon)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS copies (
    world BIGINT UNSIGNED NOT NULL,
    coupon BIGINT UNSIGNED NOT NULL,
    user VARBINARY(256) NOT NULL,
    issued_at BIGINT UNSIGNED NOT NULL,
    used BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (world, coupon, user)
) ENGINE = InnoDB;

-- Signed, so that taking too much would show.
CREATE TABLE IF NOT EXISTS products (
    world BIGINT UNSIGNED NOT NULL,
    product BIGINT UNSIGNED NOT NULL,
    stock BIGINT NOT NULL,
    sold BIGINT UNSIGNED NOT NULL DEFAULT 0,
    PRIMARY KEY (world, product),
    KEY best (world, sold DESC, product)
) ENGINE = InnoDB;

-- state: 0 pending, 1 completed, 2 failed for `reason`.
CREATE TABLE IF NOT EXISTS orders (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    world BIGINT UNSIGNED NOT NULL,
    user VARBINARY(256) NOT NULL,
    coupon BIGINT UNSIGNED NULL,
    amount BIGINT UNSIGNED NOT NULL,
    state TINYINT UNSIGNED NOT NULL DEFAULT 0,
    reason TEXT NULL,
    placed TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    KEY (state, placed),
    KEY (world)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS order_lines (
    order_id BIGINT UNSIGNED NOT NULL,
    product BIGINT UNSIGNED NOT NULL,
    world BIGINT UNSIGNED NOT NULL,
    quantity BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (order_id, product),
    KEY (world, product)
) ENGINE = InnoDB;
