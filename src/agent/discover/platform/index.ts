import type { MachineFacts } from '#protocol'
import type { Probe } from '../finding.ts'
import { linuxProbes } from './linux.ts'
import { macosProbes } from './macos.ts'
import { windowsProbes } from './windows.ts'

/** What is looked for on a system. One that we know nothing of is looked at as Linux is: much of it is the same. */
export function probesFor(platform: MachineFacts['platform']): readonly Probe[] {
  if (platform === 'macos') return macosProbes
  return platform === 'windows' ? windowsProbes : linuxProbes
}

const platforms: Partial<Record<NodeJS.Platform, MachineFacts['platform']>> = {
  linux: 'linux',
  darwin: 'macos',
  win32: 'windows',
}

export function platformOf(name: NodeJS.Platform): MachineFacts['platform'] {
  return platforms[name] ?? 'other'
}
