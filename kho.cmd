@echo off
rem Runs the program `kho` of this tree: builds it when a source is newer than the last build, else starts it at once.
rem Unlike ./kho it keeps one output folder: Windows does not let a build replace a program that runs.
setlocal
set DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
set DOTNET_NOLOGO=1
set DOTNET_CLI_TELEMETRY_OPTOUT=1
set DOTNET_CLI_UI_LANGUAGE=en
set "ROOT=%~dp0"
set "OUTPUT=%ROOT%.kho\windows"

dotnet --version >nul 2>nul
if errorlevel 1 (
    echo kho: install the .NET 10 SDK ^(https://dotnet.microsoft.com/download^), then run this again 1>&2
    exit /b 64
)

if /i "%~1"=="test" goto test

set NEWER=1
if exist "%OUTPUT%\kho.dll" for /f "usebackq" %%n in (`powershell -NoProfile -Command "$built = (Get-Item -LiteralPath $env:OUTPUT\kho.dll).LastWriteTimeUtc; @(Get-ChildItem -LiteralPath ($env:ROOT + 'src') -Recurse -File | Where-Object { $_.FullName -notmatch '\\(bin|obj)\\' -and $_.LastWriteTimeUtc -gt $built }).Count"`) do set NEWER=%%n
if not "%NEWER%"=="0" (
    echo kho: building 1>&2
    dotnet build "%ROOT%kho.slnf" -c Release -v quiet --artifacts-path "%ROOT%.kho\artifacts" -p:ProgramFolder="%OUTPUT%" 1>&2
    if errorlevel 1 (
        echo kho: the build failed 1>&2
        exit /b 70
    )
    if exist "%ROOT%.kho\artifacts\obj\KhoActors.Nodes.Akka\feed\absent.txt" type "%ROOT%.kho\artifacts\obj\KhoActors.Nodes.Akka\feed\absent.txt" 1>&2
)
dotnet exec "%OUTPUT%\kho.dll" %*
exit /b %errorlevel%

:test
cd /d "%ROOT%"
for /f "tokens=1,*" %%a in ("%*") do dotnet test KhoActors.sln -c Release %%b
exit /b %errorlevel%
