module s3plan.example/benchmarks/server

go 1.19
