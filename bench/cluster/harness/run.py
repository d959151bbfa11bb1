#!/usr/bin/env python3
"""Interleaved datapath benchmark runner.

  run.py -o results.jsonl -r ROUNDS -c bare,flannel,... [-t tcp1,rr_one,...] [-p same,cross]

For every configuration (configs/<name>.sh, contract in lib.sh) it brings up its own set of
namespaces, starts one `npb serve` and one `iperf3 -s` per server pod, then runs
round 1: all configurations, round 2: all configurations (reverse order), ... so that slow drift
and other load hit all alike. One JSON line per run. Everything it started is ended by PID.
A name may carry environment settings: "flannel[IPT=legacy]".
"""
import argparse, json, os, re, subprocess, sys, time, signal

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get('BUILD', os.path.join(HERE, 'build'))
NPB = os.path.join(BUILD, 'npb')
PORT, IPERF_PORT = 9000, 5201
# Starts the name of everything a run makes, so that nothing stays behind (bench/cluster/main.ts).
PREFIX = os.environ.get('PREFIX', f'dp{os.getpid()}')
SERVERS = {'same': ('p12', '10.244.1.12'), 'cross': ('p21', '10.244.2.11')}

# name -> (npb test or 'iperf', amount: seconds, packets or streams; client cpu). Servers are on cpu 1.
# *_one tests have both ends on one CPU and are read by CPU time per operation (robust on a shared
# machine); *_split and the throughput tests are wall-clock.
TESTS = {
    'tcp1':       ('iperf', 1, 0),        # TCP throughput, one stream
    'tcp4':       ('iperf', 4, 0),        # four streams
    'tcp1_nogso': ('iperf_nogso', 1, 0),  # TSO/GSO off in the client pod: one packet per MSS, per-packet cost shows
    'rr_split':   ('tcp_rr', 1, 0),       # TCP ping-pong across two CPUs (latency incl. wake-ups)
    'crr_split':  ('tcp_crr', 1, 0),
    'pps':        ('udp_pps', 1, 0),      # small UDP packets per second (18-byte payload)
    'rr_one':     ('tcp_rr', 0.35, 1),    # TCP round trip: CPU cost of 2 data packets + ACK handling
    'urr_one':    ('udp_rr', 0.35, 1),    # UDP round trip
    'crr_one':    ('tcp_crr', 0.4, 1),    # whole connection
    'cost':       ('udp_cost', 135000, 1),  # CPU ns per packet, one way, established flow
    'oneway':     ('udp_oneway', 45000, 1), # same, a flow that never got a reply
}
MICRO = 'cost,oneway,rr_one,urr_one,crr_one'
MACRO = 'tcp1,tcp4,tcp1_nogso,rr_split,pps'

def sh(cmd, **kw):
    return subprocess.run(cmd, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kw)

class Config:
    def __init__(self, spec, i):
        m = re.match(r'^([\w./-]+)(?:\[(.*)\])?$', spec)
        self.spec, self.name, self.prefix = spec, m[1], f'{PREFIX}-{i}'
        self.env = dict(os.environ, **dict(kv.split('=', 1) for kv in (m[2] or '').split(';') if kv))
        self.script = m[1] if '/' in m[1] else os.path.join(HERE, 'configs', m[1] + '.sh')
        self.dst = {k: v[1] for k, v in SERVERS.items()}
        self.procs, self.pids = [], {}
    def up(self):
        sh(['bash', self.script, 'down', self.prefix], env=self.env)
        t = time.time()
        r = sh(['bash', self.script, 'up', self.prefix], env=self.env)
        if r.returncode: raise SystemExit(f'{self.spec}: up failed\n{r.stdout}{r.stderr}')
        self.setup_s = time.time() - t
        for line in r.stdout.splitlines():
            m = re.match(r'^(same|cross)=(\S+)$', line)
            if m: self.dst[m[1]] = m[2]
        for path, (pod, _) in SERVERS.items():
            self.pids[path] = {}
            p = subprocess.Popen(['ip', 'netns', 'exec', f'{self.prefix}-{pod}', NPB, 'serve', str(PORT), '1'])
            self.procs.append(p); self.pids[path]['npb'] = p.pid   # `ip netns exec` execs, so it's npb's pid
            p = subprocess.Popen(['ip', 'netns', 'exec', f'{self.prefix}-{pod}', 'taskset', '-c', '1', 'iperf3', '-s', '-p', str(IPERF_PORT)],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.procs.append(p)
        time.sleep(0.3)
    def down(self):
        for p in self.procs:
            p.send_signal(signal.SIGTERM)
        for p in self.procs: p.wait()
        sh(['bash', self.script, 'down', self.prefix], env=self.env)

def run_iperf(c, path, streams, cpu, nogso, secs):
    ns = f'{c.prefix}-p11'
    ethtool = lambda v: [sh(['ip', 'netns', 'exec', ns, 'ethtool', '-K', d, 'tso', v, 'gso', v]) for d in ('eth0', 'eth1')]
    if nogso: ethtool('off')
    try:
        b0, t0 = stat()
        r = sh(['ip', 'netns', 'exec', ns, 'taskset', '-c', str(cpu), 'iperf3', '-J', '-c', c.dst[path], '-p', str(IPERF_PORT), '-t', str(secs), '-P', str(streams)], timeout=secs + 20)
        b1, t1 = stat()
    finally:
        if nogso: ethtool('on')
    d = json.loads(r.stdout)
    if 'error' in d: raise RuntimeError(d['error'])
    e = d['end']; recv, cu = e['sum_received'], e['cpu_utilization_percent']
    cpu_s = (cu['host_total'] + cu['remote_total']) / 100 * e['sum_sent']['seconds']
    gb = recv['bytes'] / 1e9
    return dict(n=recv['bytes'], gbps=recv['bits_per_second'] / 1e9, cpu_s_per_gb=cpu_s / gb, retrans=e['sum_sent'].get('retransmits'),
                others_cpu=((b1 - b0) / 100 - cpu_s) / secs)

def stat():
    v = [int(x) for x in open('/proc/stat').readline().split()[1:9]]
    return sum(v) - v[3] - v[4], sum(v)

def run_one(c, path, test, secs):
    kind, amount, cpu = TESTS[test]
    if kind.startswith('iperf'):
        return run_iperf(c, path, amount, cpu, kind == 'iperf_nogso', secs)
    r = sh(['ip', 'netns', 'exec', f'{c.prefix}-p11', NPB, kind, c.dst[path], str(PORT), str(amount), str(cpu), str(c.pids[path]['npb'])], timeout=60)
    if r.returncode: raise RuntimeError(r.stderr.strip())
    d = json.loads(r.stdout); d.pop('test'); return d

def main():
    a = argparse.ArgumentParser()
    a.add_argument('-o', required=True); a.add_argument('-r', type=int, default=5)
    a.add_argument('-c', required=True); a.add_argument('-t', default='micro', help='micro, macro or test names'); a.add_argument('-p', default='same,cross')
    a.add_argument('--iperf-secs', type=int, default=5)
    a.add_argument('--base', type=int, default=0, help='first number for namespace prefixes')
    a.add_argument('--nice', type=int, default=0)
    a.add_argument('--max-minutes', type=float, default=60)
    a = a.parse_args()
    if not os.path.exists(NPB): raise SystemExit('build first: make -C ' + HERE)
    tests = {'micro': MICRO, 'macro': MACRO}.get(a.t, a.t).split(',')
    if a.nice: os.nice(a.nice)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that `finally` below still cleans up
    confs = [Config(s, a.base + i) for i, s in enumerate(a.c.split(','))]
    end = time.time() + a.max_minutes * 60
    try:
        for c in confs:
            c.up(); print(f'{c.spec}: up in {c.setup_s:.1f}s', file=sys.stderr, flush=True)
        with open(a.o, 'a') as out:
            for rnd in range(a.r):
                for c in (confs if rnd % 2 == 0 else confs[::-1]):
                    for path in a.p.split(','):
                        for t in tests:
                            if time.time() > end: return
                            rec = dict(config=c.spec, path=path, test=t, round=rnd, time=round(time.time()), setup_s=round(c.setup_s, 2))
                            try: rec.update(run_one(c, path, t, a.iperf_secs))
                            except Exception as e: rec['error'] = str(e)[:200]; print(c.spec, path, t, rec['error'], file=sys.stderr)
                            out.write(json.dumps(rec) + '\n'); out.flush()
                print(f'round {rnd + 1}/{a.r} done', file=sys.stderr, flush=True)
    finally:
        for c in confs: c.down()
main()
