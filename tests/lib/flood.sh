# Words for tests that flood a queue. Needs tests/stage.sh up.
# fill QUEUE KIND N: N distinct elements at the back, made inside Redis in one step, so that no worker
# sees a part of them: unsigned, unknown (a key that no policy names), badsig (a changed message under a
# known key), notjson.
fill() {
	_signed=$(sign ChecksumFile '["x.txt"]')
	case $2 in
	unsigned) _text='{"class":"ChecksumFile","args":["x.txt",{"n":"N_N_N_N_N_N_N_N_","of":"somebody who never heard of signatures"}]}' ;;
	notjson) _text='junk N_N_N_N_N_N_N_N_ and no JSON' ;;
	unknown) _text=$(printf '%s' "$_signed" | sed 's/kid=web-1/kid=gone-1/; s/jti=.\{16\}/jti=N_N_N_N_N_N_N_N_/') ;;
	badsig) _text=$(printf '%s' "$_signed" | sed 's/jti=.\{16\}/jti=N_N_N_N_N_N_N_N_/') ;;
	esac
	rcli eval '
		local a, b = string.find(ARGV[1], "N_N_N_N_N_N_N_N_", 1, true)
		local head, tail = string.sub(ARGV[1], 1, a - 1), string.sub(ARGV[1], b + 1)
		for i = 1, ARGV[2] do redis.call("RPUSH", KEYS[1], head .. string.format("%016d", i) .. tail) end' \
		1 "resque:queue:$1" "$_text" "$3" >/dev/null
	rcli script flush >/dev/null
}
