module vaiven/bench

go 1.26.0
