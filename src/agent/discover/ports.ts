import type { Files } from './files.ts'

/** Ports that programs on this machine listen on: TCP, and UDP that is bound. Linux only. */
export function readPorts(files: Files): ReadonlySet<number> {
  const tcp = ['tcp', 'tcp6'].flatMap((name) => portsIn(files.text(`/proc/net/${name}`), '0A'))
  const udp = ['udp', 'udp6'].flatMap((name) => portsIn(files.text(`/proc/net/${name}`), '07'))
  return new Set([...tcp, ...udp])
}

/** `  0: 0100007F:1538 00000000:0000 0A …`: local address and port, remote ones, state; all in hexadecimal (man 5 proc). */
function portsIn(table: string | undefined, state: string): number[] {
  return (table ?? '').split('\n').flatMap((line) => {
    const [, port, found] = /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /.exec(line) ?? []
    return port !== undefined && found === state ? [Number.parseInt(port, 16)] : []
  })
}
