"""What every process needs to be a good process: time, chance, signals and an orderly end.

Time and chance are parameters everywhere else; here is where they come from.
`clock` owns the one clock that decides, `ids` the identifiers, `signals` the wish to stop,
`lifecycle` the order in which a service starts and stops, `errors` what may be away; `strict_json` reads what strangers
send, for every room alike.
"""
