package main

import "flag"

var update = flag.Bool("update", false, "rewrite what the scripts and goldens expect")
