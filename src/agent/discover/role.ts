import type { MachineFacts } from '#protocol'
import type { Machine } from './machine.ts'

type Role = Pick<MachineFacts, 'role' | 'roleBecause'>

const desktops = ['gdm3', 'gdm', 'sddm', 'lightdm', 'lxdm', 'gnome-shell', 'plasmashell', 'xfce4-session', 'Xorg']

/** Whether people sit at it. A wrong answer changes what is proposed, never what is found. */
export function roleOf({ platform, files, processes }: Machine): Role {
  const supplies = files.names('/sys/class/power_supply')
  const battery = supplies.find((name) => /^BAT|battery/i.test(name))
  if (battery !== undefined) return { role: 'laptop', roleBecause: `it has a battery (${battery})` }
  if (platform === 'macos' || platform === 'windows') {
    return { role: 'pc', roleBecause: 'servers with this system are few, and cannot be told from it here' }
  }
  const desktop = processes.find(({ name }) => desktops.includes(name))
  if (desktop) return { role: 'pc', roleBecause: `a desktop runs on it (${desktop.name})` }
  const manager = files.link('/etc/systemd/system/display-manager.service')
  if (manager !== undefined) return { role: 'pc', roleBecause: 'a desktop starts at boot' }
  return { role: 'server', roleBecause: 'it has no desktop and no battery' }
}
