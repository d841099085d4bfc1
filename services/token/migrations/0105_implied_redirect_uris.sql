-- A code that was asked for without a redirect URI is redeemed without one.

ALTER TABLE codes ADD COLUMN is_redirect_uri_implied boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN codes.redirect_uri            IS 'Where it was sent; repeated to redeem it, unless it is implied.';
COMMENT ON COLUMN codes.is_redirect_uri_implied IS 'Whether the application did not say it, because it is the only one (RFC 6749 section 4.1.3).';
