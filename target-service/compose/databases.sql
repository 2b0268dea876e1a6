-- The database of the other size; MySQL's image makes one, for the first.
CREATE DATABASE IF NOT EXISTS ticketing_medium;
GRANT ALL PRIVILEGES ON ticketing_medium.* TO 'ticketing'@'%';
