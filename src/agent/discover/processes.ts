import type { Files } from './files.ts'

/** A program that runs. Names are the program's own words, and anybody can call a program `postgres`. */
export interface Process {
  readonly pid: number
  readonly name: string
  /** As it was started; used to find folders, and never shown: passwords stand in such lines. */
  readonly args: readonly string[]
}

/** Linux only: elsewhere there is no /proc, and the list is empty. */
export function readProcesses(files: Files): Process[] {
  const pids = files.names('/proc').filter((name) => /^\d+$/.test(name))
  // With `hidepid` an ordinary user sees his own alone, and not even the first.
  if (pids.length > 0 && !pids.includes('1')) files.tell('/proc', 'programs of other users are hidden from this one')
  return pids.flatMap((pid) => {
    const name = files.text(`/proc/${pid}/comm`)?.trimEnd()
    if (name === undefined) return [] // it ended meanwhile
    const args = (files.text(`/proc/${pid}/cmdline`) ?? '').slice(0, 8192).split('\0')
    return [{ pid: Number(pid), name, args }]
  })
}

export interface OpenFiles {
  /** Paths, each with who has it open. */
  readonly paths: ReadonlyMap<string, Process>
  /** Names of files that are open in containers, where paths mean something else. */
  readonly namesElsewhere: ReadonlySet<string>
  /** False when some programs could not be asked. */
  readonly isComplete: boolean
}

const mostOpenFiles = 200_000

/** Which files are open. The names of links in /proc are read, and nothing behind them is touched: it might be dead. */
export function readOpenFiles(files: Files, processes: readonly Process[]): OpenFiles {
  let isComplete = processes.length > 0
  // What is gone by now has nothing open; only what may not be looked at leaves a gap.
  const asking = files.telling(() => {
    isComplete = false
  })
  const own = files.telling(() => undefined).link('/proc/self/ns/mnt')
  const paths = new Map<string, Process>()
  const namesElsewhere = new Set<string>()
  for (const process of processes) {
    const folder = `/proc/${process.pid}/fd`
    const isElsewhere = files.telling(() => undefined).link(`/proc/${process.pid}/ns/mnt`) !== own
    for (const fd of asking.names(folder)) {
      const path = asking.link(`${folder}/${fd}`)
      if (path === undefined || !path.startsWith('/')) continue
      if (paths.size + namesElsewhere.size >= mostOpenFiles) return { paths, namesElsewhere, isComplete: false }
      if (isElsewhere) namesElsewhere.add(path.slice(path.lastIndexOf('/') + 1))
      else paths.set(path, process)
    }
  }
  return { paths, namesElsewhere, isComplete }
}

/** The value of `--name=value`, `--name value` or `-D value`. */
export function argumentOf({ args }: Process, ...names: readonly string[]): string | undefined {
  for (const [index, arg] of args.entries()) {
    for (const name of names) {
      if (arg === name) return args[index + 1]
      if (arg.startsWith(`${name}=`)) return arg.slice(name.length + 1)
    }
  }
  return undefined
}
