/** Discoveries for tests of what is made of them. */
import type { Discovery, Finding, Volume } from '#protocol'

export function exampleFinding(finding: Partial<Finding> & Pick<Finding, 'id' | 'kind'>): Finding {
  const place = finding.id.slice(finding.id.indexOf('/'))
  return {
    title: finding.id,
    evidence: [{ from: 'file', what: place }],
    places: [{ path: place, isFile: false }],
    size: { bytes: 1000, files: 10, isAtLeast: false },
    backUpBy: 'files',
    advice: 'Back it up as files.',
    confidence: 'certain',
    ...finding,
  }
}

export function exampleVolume(path: string, more: Partial<Volume> = {}): Volume {
  return { path, source: `/dev${path}`, fileSystem: 'ext4', kind: 'local', filesAre: 'unknown', ...more }
}

export function exampleDiscovery(more: Partial<Discovery> = {}): Discovery {
  return {
    version: 1,
    machine: { hostName: 'office', platform: 'linux', role: 'server', roleBecause: 'it has no desktop' },
    lookedAt: 0,
    asAdministrator: true,
    volumes: [exampleVolume('/')],
    findings: [],
    unseen: [],
    ...more,
  }
}
