# A Pharos worker as a Windows service, through NSSM (https://nssm.cc). Run in an elevated PowerShell, in the checkout:
#   python bootstrap.py
#   copy deploy\worker.env.example worker.env    # then fill it in
#   .\deploy\nssm\install-worker.ps1
param(
    [string]$Name = "PharosWorker",
    [string]$Folder = (Resolve-Path "$PSScriptRoot\..\.."),
    [string]$Settings = "$Folder\worker.env"
)
$ErrorActionPreference = "Stop"
$python = "$Folder\.venv\Scripts\python.exe"
$logs = "$env:ProgramData\Pharos\logs"
New-Item -ItemType Directory -Force -Path $logs | Out-Null
$environment = @("MODE=EDGE", "PYTHONUNBUFFERED=1") + (Get-Content $Settings | Where-Object { $_ -match "^PHAROS_\w+=.+" })

nssm install $Name $python "-m edge_worker"
nssm set $Name AppDirectory $Folder
nssm set $Name AppEnvironmentExtra $environment
nssm set $Name AppStdout "$logs\worker.log"
nssm set $Name AppStderr "$logs\worker.log"
nssm set $Name AppRotateFiles 1
nssm set $Name AppRotateOnline 1
nssm set $Name AppRotateBytes 10485760
nssm set $Name AppExit Default Restart
# A wrong setting is not worth trying again.
nssm set $Name AppExit 78 Exit
nssm set $Name AppRestartDelay 5000
nssm set $Name AppThrottle 10000
# Ctrl-C first: the worker gives its job back within this time.
nssm set $Name AppStopMethodConsole 120000
nssm set $Name ObjectName "NT AUTHORITY\LocalService"
nssm set $Name Start SERVICE_DELAYED_AUTO_START
nssm start $Name
