import type { MachineFacts } from '#protocol'
import type { Machine } from './machine.ts'

const folders: Readonly<Record<MachineFacts['platform'], readonly string[]>> = {
  linux: ['/etc', '/home', '/srv', '/var/www', '/var/spool/cron'],
  macos: ['/Users'],
  windows: ['C:/Users'],
  other: ['/etc', '/home', '/srv', '/var/www'],
}

/** Of the folders where a system of its kind has settings and data, those that are there. */
export function usualFolders({ platform, files }: Pick<Machine, 'platform' | 'files'>): string[] {
  return folders[platform].filter((path) => files.isFolder(path))
}

/** By whose wall clock people work on it: of a system that lies in a folder, as its settings say. */
export function timeZoneOf(root: string, { files }: Pick<Machine, 'files'>): string {
  if (root === '/') return Intl.DateTimeFormat().resolvedOptions().timeZone
  const link = files.link('/etc/localtime') ?? ''
  return /zoneinfo\/(.{1,60})$/.exec(link)?.[1] ?? 'UTC'
}
