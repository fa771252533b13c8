-- Mints a version without a claim.
-- KEYS  state
-- ARGV  version floor or ''
-- reply {'floor'} (call again with a floor) or {'minted', version}
-- A late copy mints a version that nobody gets.
local version = mint(ARGV[1])
if not version then
  return {'floor'}
end
return {'minted', version}
