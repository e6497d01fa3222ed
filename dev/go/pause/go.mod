module cloudphone.io/dev/pause

go 1.21
