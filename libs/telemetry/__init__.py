"""What a process says about itself: log lines, metrics, traces, and whether it may be given work.

`logs` owns stdout, `metrics` the numbers and their bounded labels, `trace` the W3C trace context, `readiness` what a
process still lacks, `admin` the one HTTP port on which a process tells all this.
"""
