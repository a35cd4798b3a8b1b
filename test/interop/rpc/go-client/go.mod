module tribune.test/rpcclient

go 1.20

require (
	github.com/hashicorp/go-msgpack v0.5.5
	github.com/hashicorp/net-rpc-msgpackrpc v0.0.0-20151116020338-a14192a58a69
	github.com/hashicorp/yamux v0.1.1
)
