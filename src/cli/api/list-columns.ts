/**
 * What of each thing its list shows, where that is not all of it: what somebody looks for in a list. The rest is in `show`, and
 * with --json. A point leads into a thing within.
 */
export const listColumns: Readonly<Record<string, readonly string[]>> = {
  'alert list': ['severity', 'subject', 'title', 'sentence', 'hint', 'since', 'acknowledged', 'muted', 'key'],
  'approval list': ['id', 'sentence', 'state', 'askedBy', 'askedAt', 'needs', 'happensAt', 'expiresAt', 'decidedBy'],
  'audit list': ['seq', 'at', 'who', 'what', 'clientId', 'fromWhere', 'details'],
  'destination list': ['id', 'name', 'clientId', 'kind', 'location', 'lockDays', 'disksOverdue'],
  'evidence list': ['kind', 'measuredAt', 'machineId', 'clientId', 'measuredBy', 'holdsUntil'],
  'machine files': ['name', 'type', 'size', 'modified'],
  'machine list': ['id', 'name', 'clientId', 'kind', 'state', 'hasAgent', 'lastSeenAt', 'awayUntil', 'update'],
  'machine snapshots': [
    'id',
    'receivedAt',
    'content.host',
    'content.paths',
    'content.files',
    'content.bytes',
    'suspicions',
    'unreadable.message',
  ],
  'operation list': [
    'id',
    'kind',
    'machineId',
    'clientId',
    'state',
    'progress.step',
    'requestedBy',
    'startedAt',
    'endedAt',
    'reason',
  ],
  'person list': ['id', 'email', 'name', 'roles', 'secondFactor'],
  'policy list': ['id', 'policy.name', 'policy.what.include', 'policy.keep', 'machines', 'revision'],
  'repository list': [
    'id',
    'name',
    'clientId',
    'usedBytes',
    'quotaBytes',
    'snapshots',
    'held.because',
    'lastRetentionAt',
  ],
}
